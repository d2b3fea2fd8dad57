// The Mongoose models, and what is stored and read with them.
'use strict';

const mongoose = require('mongoose');

const { Schema } = mongoose;
const { ObjectId, Mixed } = Schema.Types;

const name = { type: String, maxlength: 255 };
const options = { autoIndex: false, minimize: false };
const times = { ...options, timestamps: true };
const owner = { type: ObjectId, required: true };

const User = mongoose.model('User', new Schema({
  email: { type: String, required: true, lowercase: true, trim: true, match: /^[^@\s]+@[^@\s]+\.[^@\s]+$/ },
  name: { type: String, maxlength: 200 },
  authMethods: [name],
  roles: { type: [name], default: ['user'] },
  permissions: [name],
  lastLogin: Date,
}, { ...times, collection: 'users' }));

const Profile = mongoose.model('Profile', new Schema({
  userId: owner,
  displayName: { type: String, maxlength: 100 },
  bio: { type: String, maxlength: 500 },
  avatar: new Schema({ url: String, thumbnailUrl: String }, { _id: false }),
  metadata: { type: Mixed, default: () => ({}) },
}, { ...times, collection: 'profiles' }));

const Preferences = mongoose.model('Preferences', new Schema({
  userId: owner,
  theme: { type: String, enum: ['light', 'dark', 'auto'], default: 'auto' },
  language: { type: String, default: 'en' },
  notifications: {
    email: { type: Boolean, default: true },
    push: { type: Boolean, default: true },
    inApp: { type: Boolean, default: true },
  },
  widgets: {
    enabled: [name],
    disabled: [name],
    customizations: { type: Mixed, default: () => ({}) },
  },
  dashboard: {
    layout: { type: String, default: 'grid' },
    defaultView: { type: String, default: 'overview' },
    favoriteApps: [name],
  },
}, { ...times, collection: 'preferences' }));

const event = {
  userId: owner,
  appId: name,
  sessionId: name,
  eventData: Mixed,
  timestamp: { type: Date, default: Date.now },
};

const Activity = mongoose.model('Activity', new Schema({
  ...event,
  eventType: { ...name, required: true },
  metadata: Mixed,
}, { ...options, collection: 'activities' }));

const Analytics = mongoose.model('Analytics', new Schema({
  ...event,
  eventName: { ...name, required: true },
  eventCategory: { type: String, enum: ['engagement', 'conversion', 'error', 'custom'] },
}, { ...options, collection: 'analytics' }));

const AppData = mongoose.model('AppData', new Schema({
  userId: owner,
  appId: { ...name, required: true },
  dataKey: { ...name, required: true },
  dataValue: Mixed,
  version: Number,
}, { ...times, collection: 'appdatas' }));

const connect = () => mongoose.connect(process.env.MONGODB_URI, { w: 'majority' });

async function createUser(email, userName) {
  await mongoose.connection.transaction(async (session) => {
    const [user] = await User.create([{ email, name: userName, authMethods: ['google'] }], { session });
    await Profile.create([{ userId: user._id }], { session });
    await Preferences.create([{ userId: user._id }], { session });
  });
}

async function recordLogin(userId, appId, sessionId) {
  await mongoose.connection.transaction(async (session) => {
    const timestamp = new Date();
    const user = await User.findByIdAndUpdate(
      userId, { lastLogin: timestamp }, { session, returnDocument: 'after' });
    const login = { userId: user._id, appId, sessionId, eventData: { authMethod: 'google' }, timestamp };
    await Activity.create([{ ...login, eventType: 'login' }], { session });
    await Analytics.create([{ ...login, eventName: 'login', eventCategory: 'engagement' }], { session });
  });
}

// Store activities, then take them back if the user is gone.
async function insertActivities(userId, sent) {
  const stored = await Activity.insertMany(sent.map((one) => ({ ...one, userId })), { ordered: false });
  if (!await User.exists({ _id: userId })) {
    await Activity.deleteMany({ _id: { $in: stored.map((one) => one._id) } });
    throw new Error('The user is gone.');
  }
  return stored;
}

const listActivities = (userId, limit) =>
  Activity.find({ userId }).sort({ timestamp: -1 }).limit(limit);

const upsertAppData = (key, dataValue) => AppData.findOneAndUpdate(
  key, { dataValue, $inc: { version: 1 } }, { upsert: true, returnDocument: 'after' });

const updateAppData = (key, dataValue, version) => AppData.findOneAndUpdate(
  { ...key, version }, { dataValue, $inc: { version: 1 } }, { returnDocument: 'after' });

const countEvents = (match) => Analytics.aggregate([
  { $match: match },
  { $group: { _id: '$eventName', count: { $sum: 1 } } },
  { $sort: { count: -1, _id: 1 } },
  { $project: { _id: 0, eventName: '$_id', count: 1 } },
]);

// Documents as they look on the wire.
const shapes = {
  activity: (row) => ({
    id: row._id,
    userId: row.userId,
    appId: row.appId ?? null,
    sessionId: row.sessionId ?? null,
    eventType: row.eventType,
    eventData: row.eventData ?? null,
    metadata: row.metadata ?? null,
    timestamp: row.timestamp,
  }),
  profile: (row) => ({
    id: row._id,
    userId: row.userId,
    displayName: row.displayName ?? null,
    bio: row.bio ?? null,
    avatar: row.avatar ?? null,
    metadata: row.metadata,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  }),
  appData: (row) => ({
    id: row._id,
    userId: row.userId,
    appId: row.appId,
    dataKey: row.dataKey,
    dataValue: row.dataValue ?? null,
    version: row.version,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  }),
};

module.exports = {
  AppData, Profile, User, connect, countEvents, createUser, insertActivities, listActivities,
  recordLogin, shapes, updateAppData, upsertAppData,
};
