// The six models of the specification, as a Mongoose program has them: Mongoose's own defaults.
'use strict';

const DAYS_90 = 90 * 24 * 60 * 60;

const THEMES = ['light', 'dark', 'auto'];
const CATEGORIES = ['engagement', 'conversion', 'error', 'custom'];
const AUTH_METHODS = ['bearer-token', 'credentials', 'google', 'chabad-org', 'cdsso'];

// Indexes are deployed by `init()` alone, so that each test says when.
const OPTIONS = { autoIndex: false, autoCreate: false };
const TIMES = { ...OPTIONS, timestamps: true };

const without = (names, name) => names.filter((one) => one !== name);

function define(mongoose, connection) {
  const { Schema } = mongoose;
  const { Mixed, ObjectId } = Schema.Types;

  const name = { type: String, trim: true };
  const indexedName = { ...name, index: true };
  const owner = { type: ObjectId, ref: 'User', required: true };
  const withUser = (schema) => {
    schema.virtual('user', { ref: 'User', localField: 'userId', foreignField: '_id', justOne: true });
    return schema;
  };

  const users = new Schema({
    email: { type: String, required: true, unique: true, lowercase: true, trim: true },
    name: { ...name, maxlength: 200 },
    valuUserId: { ...name, sparse: true, index: true },
    merkosUserId: { ...name, sparse: true, index: true },
    authMethods: [{ type: String, enum: AUTH_METHODS }],
    roles: { type: [String], default: ['user'] },
    permissions: [String],
    lastLogin: Date,
  }, { ...TIMES, collection: 'users' });
  users.index({ email: 1, valuUserId: 1 });
  users.index({ email: 1, merkosUserId: 1 });
  for (const [singular, plural] of [['Role', 'roles'], ['Permission', 'permissions'], ['AuthMethod', 'authMethods']]) {
    users.methods[`add${singular}`] = function add(value) {
      if (!this[plural].includes(value)) this[plural].push(value);
      return this.save();
    };
    users.methods[`remove${singular}`] = function remove(value) {
      this[plural] = without(this[plural], value);
      return this.save();
    };
  }
  users.methods.updateLastLogin = function updateLastLogin() {
    this.lastLogin = new Date();
    return this.save();
  };

  const profiles = withUser(new Schema({
    userId: { ...owner, unique: true },
    displayName: { ...name, maxlength: 100 },
    bio: { ...name, maxlength: 500 },
    avatar: { url: String, thumbnailUrl: String },
    metadata: { type: Mixed, default: {} },
  }, { ...TIMES, collection: 'profiles' }));
  profiles.statics.findOrCreateProfile = async function findOrCreateProfile(userId) {
    return await this.findOne({ userId }) ?? this.create({ userId });
  };
  profiles.methods.updateAvatar = function updateAvatar(url, thumbnailUrl) {
    this.avatar = { url, thumbnailUrl: thumbnailUrl ?? url };
    return this.save();
  };
  profiles.methods.clearAvatar = function clearAvatar() {
    this.avatar = undefined;
    return this.save();
  };
  profiles.methods.setMetadata = function setMetadata(key, value) {
    this.set(`metadata.${key}`, value);
    return this.save();
  };
  profiles.methods.deleteMetadata = function deleteMetadata(key) {
    this.set(`metadata.${key}`, undefined);
    return this.save();
  };

  const preferences = withUser(new Schema({
    userId: { ...owner, unique: true },
    theme: { type: String, enum: THEMES, default: 'auto' },
    language: { type: String, default: 'en' },
    notifications: {
      email: { type: Boolean, default: true },
      push: { type: Boolean, default: true },
      inApp: { type: Boolean, default: true },
    },
    widgets: {
      enabled: [String],
      disabled: [String],
      customizations: { type: Mixed, default: {} },
    },
    dashboard: {
      type: new Schema({
        layout: { type: String, default: 'grid' },
        defaultView: { type: String, default: 'overview' },
        favoriteApps: [name],
      }, { _id: false }),
      default: () => ({}),
    },
  }, { ...TIMES, collection: 'preferences' }));
  preferences.statics.findOrCreatePreferences = async function findOrCreatePreferences(userId) {
    return await this.findOne({ userId }) ?? this.create({ userId });
  };
  preferences.methods.resetToDefaults = function resetToDefaults() {
    this.theme = 'auto';
    this.language = 'en';
    this.notifications = { email: true, push: true, inApp: true };
    this.widgets = { enabled: [], disabled: [], customizations: {} };
    this.dashboard = { layout: 'grid', defaultView: 'overview', favoriteApps: [] };
    return this.save();
  };
  preferences.methods.updateTheme = function updateTheme(theme) {
    this.theme = theme;
    return this.save();
  };
  preferences.methods.toggleNotification = function toggleNotification(channel, on) {
    this.notifications[channel] = on ?? !this.notifications[channel];
    return this.save();
  };
  preferences.methods.enableWidget = function enableWidget(id) {
    if (!this.widgets.enabled.includes(id)) this.widgets.enabled.push(id);
    this.widgets.disabled = without(this.widgets.disabled, id);
    return this.save();
  };
  preferences.methods.disableWidget = function disableWidget(id) {
    if (!this.widgets.disabled.includes(id)) this.widgets.disabled.push(id);
    this.widgets.enabled = without(this.widgets.enabled, id);
    return this.save();
  };
  preferences.methods.setWidgetCustomization = function setWidgetCustomization(id, value) {
    this.set(`widgets.customizations.${id}`, value);
    return this.save();
  };
  preferences.methods.addFavoriteApp = function addFavoriteApp(appId) {
    if (!this.dashboard.favoriteApps.includes(appId)) this.dashboard.favoriteApps.push(appId);
    return this.save();
  };
  preferences.methods.removeFavoriteApp = function removeFavoriteApp(appId) {
    this.dashboard.favoriteApps = without(this.dashboard.favoriteApps, appId);
    return this.save();
  };

  const activities = withUser(new Schema({
    userId: { ...owner, index: true },
    appId: { ...indexedName, required: true },
    sessionId: indexedName,
    eventType: { ...name, required: true },
    eventData: Mixed,
    metadata: Mixed,
    // The first of two indexes on this field: the server refuses the second, which would expire.
    timestamp: { type: Date, default: Date.now, index: true },
  }, { ...OPTIONS, collection: 'activities' }));
  activities.index({ timestamp: 1 }, { expireAfterSeconds: DAYS_90 });
  for (const field of ['userId', 'appId', 'sessionId', 'eventType']) {
    activities.index({ [field]: 1, timestamp: -1 });
  }
  activities.methods.addMetadata = function addMetadata(key, value) {
    this.set(`metadata.${key}`, value);
    return this.save();
  };

  const appData = withUser(new Schema({
    userId: { ...owner, index: true },
    appId: { ...indexedName, required: true },
    dataKey: { ...name, required: true },
    dataValue: { type: Mixed, required: true, default: {} },
    version: { type: Number, default: 1, min: 1 },
  }, { ...TIMES, collection: 'appdatas' }));
  appData.index({ userId: 1, appId: 1 });
  appData.index({ userId: 1, appId: 1, dataKey: 1 }, { unique: true });
  appData.statics.upsertAppData = function upsertAppData(key, dataValue) {
    const update = { $set: { dataValue }, $inc: { version: 1 } };
    return this.findOneAndUpdate(key, update, { upsert: true, returnDocument: 'after' });
  };
  appData.methods.updateValue = function updateValue(dataValue) {
    this.dataValue = dataValue;
    this.version += 1;
    return this.save();
  };
  appData.methods.incrementVersion = function incrementVersion() {
    this.version += 1;
    return this.save();
  };

  const analytics = withUser(new Schema({
    userId: { ...owner, index: true },
    eventName: { ...indexedName, required: true },
    eventCategory: { type: String, enum: CATEGORIES, required: true, index: true },
    appId: name,
    sessionId: name,
    eventData: Mixed,
    timestamp: { type: Date, default: Date.now, index: true },
  }, { ...OPTIONS, collection: 'analytics' }));
  for (const field of ['userId', 'eventCategory', 'eventName', 'appId', 'sessionId']) {
    analytics.index({ [field]: 1, timestamp: -1 });
  }
  analytics.methods.addEventData = function addEventData(key, value) {
    this.set(`eventData.${key}`, value);
    return this.save();
  };

  const models = {
    User: connection.model('User', users),
    Profile: connection.model('Profile', profiles),
    Preferences: connection.model('Preferences', preferences),
    Activity: connection.model('Activity', activities),
    AppData: connection.model('AppData', appData),
    Analytics: connection.model('Analytics', analytics),
  };

  // The specification's "Cascade Deletion Strategy".
  models.deleteUserCompletely = async function deleteUserCompletely(userId) {
    const session = await connection.startSession();
    session.startTransaction();
    try {
      await models.Profile.deleteOne({ userId }, { session });
      await models.Preferences.deleteOne({ userId }, { session });
      await models.Activity.deleteMany({ userId }, { session });
      await models.AppData.deleteMany({ userId }, { session });
      await models.Analytics.deleteMany({ userId }, { session });
      await models.User.deleteOne({ _id: userId }, { session });
      await session.commitTransaction();
    } catch (error) {
      await session.abortTransaction();
      throw error;
    } finally {
      session.endSession();
    }
  };
  return models;
}

module.exports = { define };
